/** The module's engine. */
export const DISPATCH_ENGINE = Symbol('dispatch:engine');
/** Where the module and its engine write their log lines. */
export const DISPATCH_LOGGER = Symbol('dispatch:logger');
