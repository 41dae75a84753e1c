// Takes the lock of the file it is given and holds it until it is killed.
import { available, tryLockFile } from '@busbar/native';

await available();
const lock = tryLockFile(process.argv[2]);
process.send(lock === undefined ? 'refused' : 'held');
process.on('disconnect', () => process.exit());
