/** How a file of ratings is written: what its kind of release says of it, and what its first line decides. */
import { DataError } from '../../util/errors.ts';
import type { Dataset } from '../dataset.ts';
import { checkWidth, quoteField } from '../files/records.ts';
import type { Layout } from './parser.js';

export type Scale = Dataset['scale'];

/** How a file of ratings is written. */
export interface RatingForm {
  /** What errors call the file. */
  file: string;
  /** 'detect': tab where the first line holds one, else comma. */
  delimiter: ',' | '\t' | '::' | 'detect';
  /** 'detect': there is one unless the first field of the first line is a number. */
  header: 'required' | 'none' | 'detect';
  /** Null takes any finite number. */
  scale: Scale | null;
}

/** Where each column stands in a line. */
export interface Order {
  user: number;
  item: number;
  rating: number;
  timestamp: number | undefined;
}

/** The first line of a file. */
export interface FirstLine {
  /** Without its end. */
  line: string;
  /** Offsets where it begins, behind a byte order mark, and where the second begins. */
  begin: number;
  next: number;
}

/** What the first line decided. */
export interface Plan {
  delimiter: string;
  order: Order;
  /** Fields in every line. */
  width: number;
  /** Offset and line number of the first rating. */
  dataBegin: number;
  firstLine: number;
  /** For the byte parser; null when the columns stand in an order that it does not know. */
  layout: Layout | null;
}

/** Throws DataError, without a place, for a first line with too few fields, or a header without a column that is needed. */
export function planOf(head: FirstLine, form: RatingForm): Plan {
  const delimiter = form.delimiter === 'detect' ? (head.line.includes('\t') ? '\t' : ',') : form.delimiter;
  const fields = head.line.split(delimiter).map((field) => field.trim().replace(/^"(.*)"$/, '$1'));
  const numeric = /^\d+$/.test(fields[0]!);
  const header = form.header === 'required' || (form.header === 'detect' && !numeric);
  if (!header && fields.length < 3) checkWidth(fields, 3);
  const order: Order = header
    ? orderOf(fields)
    : { user: 0, item: 1, rating: 2, timestamp: fields.length > 3 ? 3 : undefined };
  const plain =
    order.user === 0 &&
    order.item === 1 &&
    order.rating === 2 &&
    (order.timestamp ?? 3) === 3 &&
    fields.length === (order.timestamp === undefined ? 3 : 4);
  return {
    delimiter,
    order,
    width: fields.length,
    dataBegin: header ? head.next : head.begin,
    firstLine: header ? 2 : 1,
    layout: plain
      ? {
          separator: delimiter.charCodeAt(0),
          separatorLength: delimiter.length,
          timestamps: order.timestamp !== undefined,
          stars: starsByTenths(form.scale),
        }
      : null,
  };
}

const columnNames: Record<keyof Order, string[]> = {
  user: ['userid', 'user'],
  item: ['movieid', 'movie', 'itemid', 'item'],
  rating: ['rating'],
  timestamp: ['timestamp'],
};

/** Columns by the names in the header; case and underscores do not count. */
function orderOf(header: string[]): Order {
  const names = header.map((name) => name.toLowerCase().replaceAll('_', ''));
  const find = (column: keyof Order) => {
    const at = names.findIndex((name) => columnNames[column].includes(name));
    return at === -1 ? undefined : at;
  };
  const [user, item, rating, timestamp] = [find('user'), find('item'), find('rating'), find('timestamp')];
  if (user === undefined || item === undefined || rating === undefined) {
    const missing = user === undefined ? 'userId' : item === undefined ? 'movieId' : 'rating';
    throw new DataError({
      found: `no column '${missing}' in the header ${quoteField(header.join(','))}`,
      wanted: 'userId,movieId,rating,timestamp',
    });
  }
  return { user, item, rating, timestamp };
}

/** The rating that each count of tenths stands for; NaN off the scale. */
function starsByTenths(scale: Scale | null): Float32Array {
  return Float32Array.from({ length: 1000 }, (_, tenths) =>
    onScale(tenths / 10, scale) ? tenths / 10 : NaN,
  );
}

export function onScale(value: number, scale: Scale | null): boolean {
  if (scale === null) return Number.isFinite(value);
  return value >= scale.min && value <= scale.max && Number.isInteger((value - scale.min) / scale.step);
}
