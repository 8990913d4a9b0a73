// How a plugin says that something is wrong: what happened, what to do, and whether trying again can help.

export interface PluginErrorOptions {
  readonly cause?: unknown;
  /** What the operator or author can do; one sentence. */
  readonly fix?: string;
  /** False: trying again cannot help (a refusal, a wrong configuration). Default true. */
  readonly retryable?: boolean;
  /** `probe`: return this node to its former tree. */
  readonly switchBack?: boolean;
}

export class PluginError extends Error {
  override readonly name = 'PluginError';
  readonly fix: string | undefined;
  readonly retryable: boolean;
  readonly switchBack: boolean;

  constructor(message: string, options: PluginErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.fix = options.fix;
    this.retryable = options.retryable ?? true;
    this.switchBack = options.switchBack ?? false;
  }
}
