// How a fleet is brought into a state that some kind of work needs, before anything is armed: things forgotten, and things left lying about.

import { mkdir, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { extraSite } from './configure.ts';
import type { StrikingFleet } from './striking-fleet.ts';

/** An index that knows little is swept after fewer new directories; and there is something to sweep, of trees that are gone by then. */
export async function forgetIndex(fleet: StrikingFleet): Promise<void> {
  await fleet.stopAgent();
  const site = join(fleet.nodeDirectories[1] as string, 'sites', fleet.fleet.site);
  for (const name of await readdir(site))
    if (name.startsWith('index.db')) await rm(join(site, name), { force: true });
  await fleet.revive('agent');
  await fleet.allConnected();
  for (let pushes = 0; pushes < 4; pushes++) {
    await fleet.change('many');
    await fleet.push();
  }
}

/** A site's repository stays when the site is removed; the next one of that name would find it. */
export async function forgetRepository(fleet: StrikingFleet): Promise<void> {
  await rm(join(fleet.ccmDirectory, 'repositories', `${extraSite}.git`), { recursive: true, force: true });
  // A CCM that runs believes that it has it.
  await fleet.restart('ccm');
  await fleet.allConnected();
}

export async function forgetNode(fleet: StrikingFleet): Promise<void> {
  await fleet.stopAgent();
  await rm(fleet.nodeDirectories[1] as string, { recursive: true, force: true });
}

/** What crashes, of this and of earlier versions, may have left. */
export async function litter(all: StrikingFleet): Promise<void> {
  const { fleet, author, ccmDirectory, nodeDirectories } = all;
  // The assignment before this one is needed no more.
  await all.change('one');
  await all.push();
  await all.stopAgent();
  const site = join(nodeDirectories[1] as string, 'sites', fleet.site);
  await unlink(join(site, 'state.json'));
  await writeFile(join(site, 'inbox', `${'0'.repeat(64)}.paths`), 'a');
  await writeFile(join(site, 'trees', '.work', '7'), 'a');
  await mkdir(join(nodeDirectories[1] as string, 'sites', '.removed-extra-1-1'));
  process.kill(fleet.ccmPid(), 'SIGTERM');
  await fleet.ccmEnd();
  await writeFile(join(ccmDirectory, 'assignments', '.build-1.data'), 'a');
  await writeFile(join(ccmDirectory, 'assignments', `${'0'.repeat(64)}.data`), 'a');
  const repository = join(ccmDirectory, 'repositories', `${fleet.site}.git`);
  await writeFile(join(repository, 'packed-refs.lock'), '');
  const unneeded = await author.git('rev-parse', 'HEAD:pages');
  await writeFile(join(repository, 'refs/treecast/trees', unneeded), `${unneeded}\n`);
  await writeFile(join(repository, 'config'), `${await readFile(join(repository, 'config'), 'utf8')}\n`);
}
