import { transportConformance } from '@busbar/conformance';

transportConformance({ plugin: './peers/handed-over.mjs', export: 'handedOver', from: import.meta.url });
