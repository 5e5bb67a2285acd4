/** Within a module: the options that it was given. From outside they go by `getDispatchOptionsToken`. */
export const DISPATCH_OPTIONS = Symbol('dispatch:options');
/** The module's engine. */
export const DISPATCH_ENGINE = Symbol('dispatch:engine');
/** Where the module and its engine write their log lines. */
export const DISPATCH_LOGGER = Symbol('dispatch:logger');
/** The name of a module's instance; `null` is that of the default one. */
export const DISPATCH_INSTANCE = Symbol('dispatch:instance');
