// Imported first, it hides this process: the kernel refuses /proc/<pid>/fd of it to others (PR_SET_DUMPABLE), and lets it
// look at nobody whom that hides - as root, too, which it gives up the capability for.
import koffi from 'koffi';

const PR_SET_DUMPABLE = 4;
const CAP_SYS_PTRACE = 1 << 19;
const CAPABILITY_VERSION_3 = 0x20080522;

const libc = koffi.load(null);
const prctl = libc.func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)');
const capget = libc.func('int capget(const uint32_t *header, _Out_ uint32_t *sets)');
const capset = libc.func('int capset(const uint32_t *header, const uint32_t *sets)');

const header = Uint32Array.of(CAPABILITY_VERSION_3, 0);
// Effective, permitted, inheritable, and the upper halves of the three.
const sets = new Uint32Array(6);
if (capget(header, sets) !== 0) throw new Error('capget failed');
for (let i = 0; i < 3; i++) sets[i] &= ~CAP_SYS_PTRACE;
if (capset(header, sets) !== 0) throw new Error('capset failed');
if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) !== 0) throw new Error('prctl failed');
