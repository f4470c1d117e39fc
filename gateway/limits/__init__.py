"""What one request, one socket and one caller may ask for."""
