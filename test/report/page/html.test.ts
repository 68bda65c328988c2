import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escape, html, trusted } from '../../../src/report/html.ts';

describe('HTML from templates', () => {
  it('escapes what is inserted, and not what is HTML already', () => {
    const inner = html`<b>${'<i>'}</b>`;
    expect(html`<p title="${'"&'}">${inner}${[inner, inner]}${3}</p>`.text).toBe(
      '<p title="&#34;&#38;"><b>&#60;i&#62;</b><b>&#60;i&#62;</b><b>&#60;i&#62;</b>3</p>',
    );
  });

  it('leaves trusted text as it is', () => {
    expect(html`${trusted('<svg></svg>')}`.text).toBe('<svg></svg>');
  });

  it('lets no text out of an element or a quoted attribute', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(escape(text)).not.toMatch(/[<>"']/);
      }),
      { seed: 1 },
    );
  });

  it('escapes so that unescaping gives the text back', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const back = escape(text).replace(/&#(\d+);/g, (_, code: string) =>
          String.fromCharCode(Number(code)),
        );
        expect(back).toBe(text);
      }),
      { seed: 1 },
    );
  });
});
