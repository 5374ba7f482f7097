/** How long and how large a run is. */
export interface Sizes {
  /** Before anything is counted, each subject answers so many requests, or as many as it can in so long. */
  warmUp: { requests: number; forMs: number };
  /** Every subject is measured once in each. Many short ones say more than few long ones: those that are compared lie close in time. */
  rounds: number;
  /** Of one subject in one round. */
  roundMs: number;
  accounts: number;
  manyAccounts: number;
  manyDocuments: number;
  starts: number;
  /** How often each size of document is sent and fetched. */
  transfers: number;
  loginMs: number;
  floodMs: number;
}

export const fullSizes: Sizes = {
  warmUp: { requests: 40_000, forMs: 15_000 },
  rounds: 30,
  roundMs: 1_000,
  accounts: 1_000,
  manyAccounts: 1_000_000,
  manyDocuments: 100_000,
  starts: 11,
  transfers: 20,
  loginMs: 20_000,
  floodMs: 20_000,
};

export const quickSizes: Sizes = {
  warmUp: { requests: 40_000, forMs: 10_000 },
  rounds: 20,
  roundMs: 250,
  accounts: 1_000,
  manyAccounts: 100_000,
  manyDocuments: 100_000,
  starts: 3,
  transfers: 6,
  loginMs: 4_000,
  floodMs: 5_000,
};
