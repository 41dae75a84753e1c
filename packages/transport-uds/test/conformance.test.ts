import { transportConformance } from '@busbar/conformance';

transportConformance({ plugin: '@busbar/transport-uds', export: 'uds', from: import.meta.url });
