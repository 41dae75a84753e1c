import { transportConformance } from '@busbar/conformance';

transportConformance({ plugin: '@busbar/transport-memory', export: 'memory', from: import.meta.url });
