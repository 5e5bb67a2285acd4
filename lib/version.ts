/** The version of the library, as in its package.json (a test compares them). */
export const VERSION = '0.1.0';
