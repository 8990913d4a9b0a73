// An assignment by ranges over HTTPS (LINK-16), from the CCM or from another node's segment port.

import { blockRange } from '../../assignment/block-layout.ts';
import type { RangeClient } from '../../net/fetch/range-client.ts';
import type { ContentSource } from './content-source.ts';

export function createRangeSource(
  name: ContentSource['name'],
  ranges: RangeClient,
  /** Of what an assignment's address becomes the source's. */
  addressOf: (url: string) => string,
): ContentSource {
  return {
    name,
    async manifest({ source: { manifestUrl, manifestBytes, ticket } }, signal) {
      return ranges.fetchFile({ url: addressOf(manifestUrl), ticket, bytes: manifestBytes }, signal);
    },
    async blocks({ source: { dataUrl, dataBytes, ticket } }, header, missing, onBlock, signal) {
      const file = { url: addressOf(dataUrl), ticket, bytes: dataBytes };
      const rangeOf = (index: number) => blockRange(header, index);
      await ranges.fetchBlocks({ ...file, rangeOf }, missing, onBlock, signal);
    },
  };
}
