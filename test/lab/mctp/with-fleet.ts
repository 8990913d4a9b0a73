// A LAN with the processes of one session, for the time of a test.

import { until } from '../../../src/plugins/testing/until.ts';
import { createLan } from '../lan.ts';
import { createSessionFleet, type SessionFleet } from './session-fleet.ts';

export async function withFleet(
  { receivers, lossPercent, bytes }: { receivers: number; lossPercent: number; bytes: number },
  run: (fleet: SessionFleet) => Promise<void>,
): Promise<void> {
  const lan = await createLan({ hosts: receivers + 1 });
  const fleet = await createSessionFleet(lan.hosts);
  try {
    for (const host of lan.hosts.slice(1)) await host.loss(lossPercent);
    await fleet.makeContent(bytes);
    await fleet.start();
    await run(fleet);
  } finally {
    await fleet.close();
    await lan.close();
  }
}

export async function sent(fleet: SessionFleet, blocks: number): Promise<void> {
  await until(
    `${blocks} blocks are sent`,
    async () => ((await fleet.state('leader')).sending?.sent ?? 0) >= blocks,
  );
}
