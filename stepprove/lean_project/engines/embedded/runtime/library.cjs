// What is the library's, and what is a user's own module's.
'use strict';

/** Whether a module of this name comes with Lean: no folder of the user's can hold one, since Lean looks for these in its own first. */
const isOfTheLibrary = module => /^(Init|Std|Lean|Lake)(\.|$)/.test(module);

module.exports = { isOfTheLibrary };
