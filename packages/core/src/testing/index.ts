/** `@busbar/core/testing`: what tests of programs on the bus need. No test runner is assumed. */
export { createTestBus, type TestBus } from './test-bus.ts';
export { VirtualClock } from './virtual-clock.ts';
