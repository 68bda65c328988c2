// Lines of whole numbers and one rating, from bytes into columns. WebAssembly is compiled before its first line;
// JavaScript is interpreted for most of a file of 1 million ratings, which takes four times as long.

const ZERO: i32 = 48;
const POINT: i32 = 46;
const RETURN: i32 = 13;
const NEWLINE: i32 = 10;
// Ids of up to nine digits cannot overflow an i32; longer ones are left to the CSV library.
const MAX_ID_DIGITS: usize = 9;
const MAX_TIME_DIGITS: usize = 10;

function byteAt(at: usize): i32 {
  return load<u8>(at);
}

// 0 to 9, or any other number where no digit stands.
function digitAt(at: usize): i32 {
  return byteAt(at) - ZERO;
}

function isDigit(digit: i32): bool {
  return <u32>digit <= 9;
}

// The value of the four digits at `at`, or -1 where fewer stand. All four at once, as bytes of one word: each must be 0x30 to
// 0x39; then neighbours are joined to pairs and the pairs to one number (Lemire 2018, "Quickly parsing eight digits").
function fourDigits(at: usize): i32 {
  const word = load<i32>(at);
  const below = (word & 0xf0f0f0f0) ^ 0x30303030;
  const above = ((word + 0x06060606) & 0xf0f0f0f0) ^ 0x30303030;
  if ((below | above) !== 0) return -1;
  const pairs = ((word & 0x0f0f0f0f) * (10 * 256 + 1)) >>> 8;
  return ((pairs & 0x00ff00ff) * (100 * 65536 + 1)) >>> 16;
}

// The rating at `at`, one or two digits and perhaps a point and one more: its tenths times 8, plus the bytes that it takes; 0
// where none stands.
function tenthsAt(at: usize): i32 {
  let tenths = digitAt(at);
  if (!isDigit(tenths)) return 0;
  let length = 1;
  let digit = digitAt(at + 1);
  if (isDigit(digit)) {
    tenths = tenths * 10 + digit;
    length = 2;
  }
  tenths *= 10;
  if (byteAt(at + length) === POINT) {
    digit = digitAt(at + length + 1);
    if (!isDigit(digit)) return 0;
    tenths += digit;
    length += 2;
  }
  return (tenths << 3) | length;
}

let unparsed: usize = 0;

// Where the first line begins that the last `parseLines` did not take.
export function firstUnparsed(): usize {
  return unparsed;
}

// Parses the lines from `line` on, as long as they begin before `end`, and returns how many. A newline must stand at or behind
// `end - 1`, and three more bytes of any kind after it. `stars` has 1,000 floats, the rating by its tenths, NaN off the scale.
// The columns lie behind each other from `columns` on, `capacity` numbers of four bytes each: users, items, ratings, times.
// Whole numbers are not read in a function of their own, which would have to return where they end as well and costs a third
// of the speed.
export function parseLines(
  line: usize,
  end: usize,
  separator: i32,
  separatorLength: i32,
  timestamps: bool,
  stars: usize,
  columns: usize,
  capacity: usize,
): i32 {
  const isDouble = separatorLength === 2;
  const stride = capacity << 2;
  let cell = columns;
  while (line < end) {
    let at = line;
    let digit = 0;
    let user = fourDigits(at);
    if (user === -1) user = 0;
    else at += 4;
    for (; isDigit((digit = digitAt(at))); at++) user = user * 10 + digit;
    if (at === line || at - line > MAX_ID_DIGITS || byteAt(at++) !== separator) break;
    if (isDouble && byteAt(at++) !== separator) break;

    let from = at;
    let item = fourDigits(at);
    if (item === -1) item = 0;
    else at += 4;
    for (; isDigit((digit = digitAt(at))); at++) item = item * 10 + digit;
    if (at === from || at - from > MAX_ID_DIGITS || byteAt(at++) !== separator) break;
    if (isDouble && byteAt(at++) !== separator) break;

    const tenths = tenthsAt(at);
    const rating = load<f32>(stars + ((<usize>(tenths >> 3)) << 2));
    if (tenths === 0 || !(rating >= 0)) break;
    at += tenths & 7;

    let time: i64 = 0;
    if (timestamps) {
      if (byteAt(at++) !== separator) break;
      if (isDouble && byteAt(at++) !== separator) break;
      from = at;
      let four = fourDigits(at);
      for (let n = 0; n < 2 && four !== -1; n++) {
        time = time * 10_000 + four;
        at += 4;
        four = fourDigits(at);
      }
      for (; isDigit((digit = digitAt(at))) && at - from <= MAX_TIME_DIGITS; at++) time = time * 10 + digit;
      if (at === from || at - from > MAX_TIME_DIGITS || time > i32.MAX_VALUE) break;
    }
    if (byteAt(at) === RETURN) at++;
    if (byteAt(at) !== NEWLINE) break;
    line = at + 1;
    store<i32>(cell, user);
    store<i32>(cell + stride, item);
    store<f32>(cell + 2 * stride, rating);
    store<i32>(cell + 3 * stride, <i32>time);
    cell += 4;
  }
  unparsed = line;
  return <i32>((cell - columns) >> 2);
}
