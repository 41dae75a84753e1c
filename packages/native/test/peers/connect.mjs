// Connects to the socket it is given and stays connected until its parent is gone.
import { connect } from 'node:net';

connect(process.argv[2]);
process.on('disconnect', () => process.exit());
