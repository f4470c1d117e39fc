"""The emulation kit: what the vendors' emulators share. One SQLite file, faults on demand, a call log."""
