// An assignment by ranges over HTTPS (LINK-16), from the CCM or from another node's segment port.

import { blockRange } from '../../assignment/block-layout.ts';
import type { RangeClient } from '../../net/fetch/range-client.ts';
import type { ContentSource } from './content-source.ts';

export function createRangeSource(
  name: ContentSource['name'],
  ranges: RangeClient,
  /** Of what an assignment's address becomes the source's. */
  addressOf: (url: string) => string,
  /** The source is alive and has it not yet; absent: then it is none. */
  onBusy?: () => void,
): ContentSource {
  return {
    name,
    async manifest({ source: { manifestUrl, manifestBytes, ticket } }, signal) {
      const file = { url: addressOf(manifestUrl), ticket, bytes: manifestBytes, onBusy };
      return ranges.fetchFile(file, signal);
    },
    async blocks({ source: { dataUrl, dataBytes, ticket } }, header, missing, onBlock, signal) {
      const file = { url: addressOf(dataUrl), ticket, bytes: dataBytes, onBusy };
      const rangeOf = (index: number) => blockRange(header, index);
      await ranges.fetchBlocks({ ...file, rangeOf }, missing, onBlock, signal);
    },
  };
}
