// Connects to the handover point of its parent at the path it is given, says so, and stays until it is killed.
import { available, connectHandover } from '@busbar/native';

await available();
const handover = connectHandover(process.argv[2], process.ppid);
handover.send(7, []);
process.on('disconnect', () => process.exit());
process.send('met');
