// Quantities of Kubernetes: 500m, 2, 1.5Gi. Source: the API conventions, "Quantity".

/** @type {Record<string, number>} */
const factors = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/**
 * What a quantity comes to: bytes, or cores.
 * @param {string | number | undefined} text
 * @returns {number | undefined} undefined for what is none
 */
export function amountOf(text) {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(String(text)) ?? [];
  const factor = factors[unit];
  return digits === '' || factor === undefined ? undefined : Number(digits) * factor;
}
