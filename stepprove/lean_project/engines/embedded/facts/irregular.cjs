// Why a constant that a text added is not to be relied on although the kernel took it, for each in one sentence.
'use strict';

const INDUCTIVE = 5;                       // of Lean.ConstantInfo

module.exports = lean => {
  const { tag } = lean;
  const { malformed, reserved } = require('./well_formed.cjs')(lean);
  const plain = require('./plain_inductives.cjs')(lean), again = require('./kernel_again.cjs')(lean);
  const { isUnsafe } = require('./unchecked.cjs')(lean);

  const collected = (constants, why) => {
    const found = new Map();
    for (const [text, { info }] of constants) {
      const reason = why(text, info);
      if (reason !== null) found.set(text, reason);
    }
    return found;
  };

  /** The constants that neither the kernel nor anybody else should be given. */
  const unfit = constants => collected(constants, (text, info) => malformed(constants, text, info) ?? reserved(text, info));

  /** The inductive types that are not plain, and what of them the kernel does not accept a second time in its environment `kernel`. */
  const odd = (kernel, constants) => collected(constants, (text, info) => isUnsafe(info) ? null
    : (tag(info) === INDUCTIVE ? plain(kernel, constants, text, info) : null) ?? again(kernel, text, info));

  return { unfit, odd };
};
