/** The kinds of file that are no table of text, by how they begin. */
import { DataError } from '../../util/errors.ts';

/** Kinds of file that people take for a table, by their first characters. */
const otherKinds: { starts: RegExp; found: string; remedy: string }[] = [
  {
    starts: /^version https:\/\/git-lfs\.github\.com/,
    found: 'a Git LFS pointer in place of the data',
    remedy: 'Run `git lfs pull` in the repository that it comes from.',
  },
  {
    starts: /^\s*<[a-z!?/]/i,
    found: 'a web page in place of the data, or XML, perhaps an error page that was downloaded',
    remedy: 'Open the address in a browser, and download the file itself.',
  },
  {
    starts: /^\u00d0\u00cf.\u00e0/s,
    found: 'a spreadsheet (.xls)',
    remedy: 'Save it as CSV from the spreadsheet program.',
  },
  {
    starts: /^(%PDF-|\u0089PNG|\u00ff\u00d8\u00ff)/,
    found: 'a document or picture',
    remedy: 'Export the table as CSV.',
  },
  {
    starts: /^(7z\u00bc\u00af|Rar!|\u00fd7zXZ|BZh|\u0028\u00b5\u002f\u00fd)/,
    found: 'an archive of a kind that is not unpacked here',
    remedy: 'Unpack it, or use gzip or zip.',
  },
  {
    // oxlint-disable-next-line no-control-regex
    starts: /^(\u0089HDF|\u0093NUMPY|SQLite format 3|\u0080.\u0095|ARROW1|FEA1|ORC|Obj\u0001|RDX|\u007fELF)/s,
    found: 'a binary file (HDF5, NumPy, SQLite, pickle, Arrow, ORC, Avro, R or a program)',
    remedy: 'Export the table as CSV or Parquet.',
  },
  { starts: /^PARE/, found: 'encrypted Parquet', remedy: 'Write it without encryption.' },
  { starts: /^.{257}ustar/s, found: 'a tar archive', remedy: 'Unpack it, or use gzip or zip of one file.' },
  {
    starts: /^\s*[[{]\s*["{}[\]]/,
    found: 'JSON',
    remedy: 'Write it as CSV: a line with the names of the columns, then one line for each rating.',
  },
  {
    starts: /^\s*(insert into|create table|drop table|-- MySQL dump|-- PostgreSQL)/i,
    found: 'SQL',
    remedy: 'Export the table as CSV.',
  },
  {
    starts: /^%%MatrixMarket/i,
    found: 'a Matrix Market file',
    remedy: 'Write lines of userId,movieId,rating.',
  },
  {
    // oxlint-disable-next-line no-control-regex
    starts: /^(\u00ff\u00fe\u0000\u0000|\u0000\u0000\u00fe\u00ff)/,
    found: 'text in UTF-32',
    remedy: 'Save it as UTF-8.',
  },
  {
    // a control character or two zeros within the first 40 bytes; UTF-16 has single zeros
    // oxlint-disable-next-line no-control-regex
    starts: /^[^\u0000]{0,40}(\u0000\u0000|[\u0001-\u0008\u000e-\u001f])/,
    found: 'bytes that are no text',
    remedy: 'The file is damaged or of another kind; copy or download it again.',
  },
];

/** Throws DataError, saying what to do, where a file that begins with `head` is no table of text. */
export function refuseOtherKinds(head: Buffer, name: string): void {
  const text = head
    .subarray(0, 512)
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '');
  const kind = otherKinds.find(({ starts }) => starts.test(text));
  if (kind) {
    throw new DataError({
      place: name,
      found: kind.found,
      wanted: 'a table of text or Parquet',
      remedy: kind.remedy,
    });
  }
}
