// Reads a YAML file with the policies of a site.

import { resolve } from 'node:path';
import type { SitePolicy } from '../model/site.ts';
import { readYamlFile } from '../net/yaml-file.ts';
import { sitePolicySchema } from './site-policy-schema.ts';

export async function readSitePolicy(file: string, cwd: string): Promise<Partial<SitePolicy>> {
  return withoutUndefined(await readYamlFile(resolve(cwd, file), sitePolicySchema));
}

type Defined<Value> = { [Key in keyof Value]?: Exclude<Value[Key], undefined> };

function withoutUndefined<Value extends object>(value: Value): Defined<Value> {
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => field !== undefined),
  ) as Defined<Value>;
}
