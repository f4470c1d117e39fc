/* global WORKER_FILES */
// Workers come from our own origin, beside this script, so that the content policy needs no blob:.
globalThis.MonacoEnvironment = {
  getWorker: (_id, label) =>
    new Worker(new URL(WORKER_FILES[label] ?? WORKER_FILES.editor, import.meta.url), { name: label }),
};
