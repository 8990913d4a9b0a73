import { describeGitSource } from './conformance.ts';
import { createIsomorphicGitSource } from './isomorphic-git-source.ts';

describeGitSource('isomorphic-git', createIsomorphicGitSource);
