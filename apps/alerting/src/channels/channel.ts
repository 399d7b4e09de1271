/** What became of one attempt to tell somebody. Texts are fit for users and hold no secrets. */
export type Outcome =
  | { status: 'sent'; /** HTTP status or SMTP code. */ code: number }
  | {
      status: 'failed';
      code: number | null;
      reason: string;
      /** Whether it may go well later. */
      retryable: boolean;
      /** When the receiver wants to be asked again, where it says so. */
      retryAfterMs?: number;
    };
