export type Documents = ReturnType<typeof createDocuments>;
export interface DocumentLimits {
  maxDocumentBytes: number;
  accountQuotaBytes: number;
}
export interface DocumentStore {
  purge(): Promise<void>;
}
export function createDocuments(store: DocumentStore, _limits: DocumentLimits) {
  return { purge: () => store.purge() };
}
