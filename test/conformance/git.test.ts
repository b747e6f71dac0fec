import { provesItself } from './proves-itself.js';
import { gitSubject } from './subjects/git.js';

provesItself(gitSubject);
