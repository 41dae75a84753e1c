import { transportConformance } from '@busbar/conformance';

transportConformance({ plugin: '@busbar/transport-shm', export: 'shm', from: import.meta.url });
