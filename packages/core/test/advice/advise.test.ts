import { describe, expect, test } from 'vitest';
import { advise } from '../../src/advice/advise.ts';
import type { Calibration } from '../../src/advice/calibration.ts';
import type { Need } from '../../src/advice/need.ts';
import { calibration, measured, missing } from '../support/calibrations.ts';

const HOST = calibration(measured('uds', 40, 90, 2, 3), measured('shm', 2, 30, 5, 4));

describe('why', () => {
  test('names the question and the usual figure that decided', () => {
    expect(advise({ latencyMicros: 0.5 })).toEqual({
      mechanism: 'shm',
      package: '@busbar/transport-shm',
      status: 'published',
      why:
        '0.5 us one way is less than uds takes, 1 us at best (a usual figure, not measured here); ' +
        'shm takes 0.1 us at best (a usual figure, not measured here)',
      meets: true,
      leaf: 'fastest',
      alternatives: [],
      rejected: [],
    });
  });

  test('names the measured figures, and what the others reach', () => {
    const advice = advise({ throughputBytesPerSecond: 4e9, latencyMicros: 100 }, HOST);
    expect(advice.why).toBe(
      '4 GB/s is more than uds carries, 3 GB/s (measured on this host); ' +
        'shm takes 2 us (measured on this host) and carries 5 GB/s (measured on this host)',
    );
    expect(advice.rejected).toEqual([
      { mechanism: 'uring', reason: 'its latency is not known' },
      { mechanism: 'dma', reason: 'its latency is not known' },
    ]);
  });

  test('says so when cores were scarce', () => {
    const busy = calibration({ ...measured('uds', 400, 9000, 1), coreWaitShare: 0.4 });
    expect(advise({ latencyMicros: 500 }, busy).why).toContain('400 us (measured on this host while it was busy)');
  });

  test('of what is planned tells what can stand in, or that nothing can', () => {
    const pipe = advise({ related: true });
    expect(pipe).toMatchObject({ mechanism: 'pipe', package: undefined, status: 'planned' });
    expect(pipe.why).toBe(
      'the processes are related, and messages go one way; a pipe is inherited and needs no name; ' +
        '@busbar/transport-pipe is planned and not published, and uds can stand in',
    );
    expect(pipe.alternatives[0]).toMatchObject({
      mechanism: 'uds',
      package: '@busbar/transport-uds',
      status: 'published',
    });
    expect(advise({ durability: 'disk' }).why).toMatch(
      /@busbar\/transport-mmap is planned and not published, and nothing that is published can stand in$/,
    );
    expect(advise({ browser: true })).toMatchObject({ package: undefined, status: 'open' });
    expect(advise({ browser: true }).why).toContain('Busbar has no such transport yet');
  });
});

describe('what nothing reaches', () => {
  test('the closest is named, with what it reaches', () => {
    const advice = advise({ latencyMicros: 0.01 }, HOST);
    expect(advice).toMatchObject({ mechanism: 'shm', meets: false, alternatives: [] });
    expect(advice.why).toBe(
      '0.01 us one way is less than uds takes, 40 us (measured on this host); ' +
        'nothing known here keeps all that is asked for, the closest: shm takes 2 us (measured on this host)',
    );
  });

  test('it is the one that misses by the smaller factor, whatever the leaf prefers', () => {
    const slowRings = calibration(measured('uds', 40, 90, 3), measured('shm', 2, 30, 1));
    const advice = advise({ throughputBytesPerSecond: 4e9 }, slowRings);
    expect(advice).toMatchObject({ leaf: 'widest', mechanism: 'uds', meets: false });
    expect(advice.rejected[0]).toEqual({
      mechanism: 'shm',
      reason: 'it carries 1 GB/s (measured on this host), and 4 GB/s are asked for',
    });
  });

  test('a hard requirement is kept all the same', () => {
    expect(advise({ browser: true, latencyMicros: 1 })).toMatchObject({ mechanism: 'network', meets: false });
    expect(advise({ durability: 'disk', throughputBytesPerSecond: 1e12 })).toMatchObject({
      mechanism: 'mmap',
      meets: false,
    });
  });
});

describe('what was found to be unavailable', () => {
  test.each([
    ['by its name', missing('shm', './my-shm.js')],
    ['by its package', missing(undefined, '@busbar/transport-shm')],
  ])('is not advised, known %s', (_, entry) => {
    const advice = advise({ latencyMicros: 20 }, calibration(measured('uds', 40, 90, 3), entry));
    expect(advice).toMatchObject({ leaf: 'fastest', mechanism: 'uds', meets: false });
    expect(advice.rejected).toEqual([
      { mechanism: 'shm', reason: 'it cannot be used on this host: NO_KERNEL_SUPPORT, no memfd_create (update)' },
    ]);
  });

  test('gives way to another one that keeps everything', () => {
    const advice = advise({}, calibration(missing('uds', 'x'), measured('shm', 2, 3, 4)));
    expect(advice).toMatchObject({ leaf: 'unrelated', mechanism: 'shm', meets: true });
  });

  test('is named when nothing else is left', () => {
    const advice = advise({}, calibration(missing('uds', 'x'), missing('shm', 'y')));
    expect(advice).toMatchObject({ mechanism: 'uds', meets: false, alternatives: [] });
    expect(advice.why).toContain('that is for uds, but it cannot be used on this host: NO_KERNEL_SUPPORT');
  });

  test('does not count where another plugin of that name was measured', () => {
    const both = calibration(missing('uds', 'x'), measured('uds', 40, 90, 3));
    expect(advise({}, both)).toMatchObject({ mechanism: 'uds', meets: true });
  });
});

describe('refused', () => {
  test.each<[unknown, RegExp]>([
    [undefined, /the need is/],
    [{ latency: 1 }, /there is no "latency" .* there are related, .*latencyMicros/],
    [{ constructor: 1 }, /there is no "constructor"/],
    [{ latencyMicros: -1 }, /latencyMicros is -1 .* positive, finite/],
    [{ latencyMicros: 0 }, /latencyMicros is 0/],
    [{ latencyMicros: '5' }, /latencyMicros is "5"/],
    [{ throughputBytesPerSecond: Number.POSITIVE_INFINITY }, /throughputBytesPerSecond/],
    [{ throughputBytesPerSecond: Number.NaN }, /throughputBytesPerSecond/],
    [{ related: 'yes' }, /related is "yes" .* true or false/],
    [{ durability: 'tape' }, /volatile, process, disk/],
    [{ partner: 'thread' }, /child, agents, desktop/],
    [{ partner: 'child', related: false }, /'child' and related false exclude/],
    [{ partner: 'agents', related: true }, /'agents' and related true exclude/],
    [{ browser: true, related: true }, /in a browser is not related/],
    [{ browser: true, partner: 'child' }, /in a browser is not related/],
    [{ sameMachine: false, related: true }, /on another machine is not related/],
    [{ sameMachine: false, partner: 'desktop' }, /desktop is not on another machine/],
    [{ partner: 'desktop', durability: 'disk' }, /D-Bus keeps nothing/],
  ])('%j', (need, message) => {
    expect(() => advise(need as Need)).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => advise(need as Need)).toThrowError(message);
  });

  test('a calibration that is none', () => {
    expect(() => advise({}, {} as Calibration)).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test('but not a field that is there and undefined', () => {
    expect(advise({ related: undefined, partner: undefined, latencyMicros: undefined })).toEqual(advise({}));
  });
});
