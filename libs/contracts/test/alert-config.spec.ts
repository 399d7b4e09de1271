import { Threshold } from '@lapwing/contracts';

describe('a threshold', () => {
  it.each<[unknown, [trigger: number, clear: number]]>([
    [80, [80, 75]],
    [5, [5, 0]],
    [3, [3, 0]],
    [0.5, [0.5, 0]],
    [0, [0, 0]],
    [-0, [0, 0]],
    [-1, [0, 0]],
    [1_000_000, [1_000_000, 999_995]],
    [{ trigger: 0.2, clear: 0.1 }, [0.2, 0.1]],
    [{ trigger: 80, clear: 0 }, [80, 0]],
    [{ trigger: 0, clear: 90 }, [0, 0]],
  ])('%j', (given, [trigger, clear]) => expect(Threshold.parse(given)).toEqual({ trigger, clear, critical: null }));
});
