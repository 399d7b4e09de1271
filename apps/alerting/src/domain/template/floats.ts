/** A decimal number 0.d1d2d3… × 10^point; no digits for zero. Without zeros at the end. */
interface Decimal {
  digits: string;
  point: number;
}

const view = new DataView(new ArrayBuffer(8));

/**
 * The nearest integer to value × 10^power, exactly, and the even one of two: as Go rounds. `toFixed` rounds 2.5 up.
 * @param value finite, not negative.
 */
function scaled(value: number, power: number): bigint {
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const raw = Number(bits >> 52n);
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const mantissa = raw === 0 ? fraction : fraction | 0x10_0000_0000_0000n;
  const exponent = (raw || 1) - 1075;
  const above = (mantissa << BigInt(Math.max(exponent, 0))) * 10n ** BigInt(Math.max(power, 0));
  const below = (1n << BigInt(Math.max(-exponent, 0))) * 10n ** BigInt(Math.max(-power, 0));
  const whole = above / below;
  const rest = 2n * (above - whole * below);
  return rest > below || (rest === below && whole % 2n === 1n) ? whole + 1n : whole;
}

function decimal(digits: string, point: number): Decimal {
  const end = digits.replace(/0+$/, '');
  return end === '' ? { digits: '', point: 0 } : { digits: end, point };
}

/** The fewest digits that tell the number from all others. */
function shortest(value: number): Decimal {
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  return decimal(digits.replace('.', ''), Number(exponent) + 1);
}

function withFraction(value: number, places: number): Decimal {
  const digits = scaled(value, places).toString();
  return decimal(digits, digits.length - places);
}

function significant(value: number, count: number): Decimal {
  if (value === 0) return { digits: '', point: 0 };
  const least = shortest(value);
  // The shortest form of a little less than a power of ten may be that power: 1e23 is below 10^23.
  let point = least.digits === '1' ? least.point - 1 : least.point;
  let digits = scaled(value, count - point).toString();
  if (digits.length > count) {
    point += 1;
    digits = scaled(value, count - point).toString();
  }
  return decimal(digits, digits.length - count + point);
}

function exponential({ digits, point }: Decimal, places: number): string {
  const exponent = digits === '' ? 0 : point - 1;
  const fraction = digits.slice(1, places + 1).padEnd(places, '0');
  const size = String(Math.abs(exponent)).padStart(2, '0');
  return `${digits[0] ?? '0'}${places > 0 ? '.' : ''}${fraction}e${exponent < 0 ? '-' : '+'}${size}`;
}

function fixed({ digits, point }: Decimal, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
  const fraction = `${'0'.repeat(Math.max(-point, 0))}${digits.slice(Math.max(point, 0))}`;
  return places > 0 ? `${whole}.${fraction.slice(0, places).padEnd(places, '0')}` : whole;
}

/** Go's %g: exponents where a number is very small, or larger than its digits say exactly. */
function general(value: number, precision: number | null): string {
  const count = precision === null ? null : Math.max(precision, 1);
  const parts = count === null ? shortest(value) : significant(value, count);
  const length = parts.digits.length;
  const fits = count !== null && count > length && length >= parts.point;
  const limit = count === null ? 6 : fits ? length : count;
  const exponent = parts.point - 1;
  if (exponent < -4 || exponent >= limit) return exponential(parts, Math.max(length - 1, 0));
  return fixed(parts, Math.max(length - parts.point, 0));
}

/**
 * A number as Go's strconv.FormatFloat writes it, without its sign.
 * @param value finite, not negative.
 * @param form `e`: with an exponent; `f`: without; `g`: the shorter of them.
 * @param precision digits behind the point (6 when null); with `g` significant digits (as many as are needed when null).
 */
export function formatFloat(value: number, form: 'e' | 'f' | 'g', precision: number | null): string {
  if (form === 'g') return general(value, precision);
  const places = precision ?? 6;
  return form === 'f'
    ? fixed(withFraction(value, places), places)
    : exponential(significant(value, places + 1), places);
}
