import { folderSubject } from './subjects/folder.js';
import { provesItself } from './proves-itself.js';

provesItself(folderSubject);
