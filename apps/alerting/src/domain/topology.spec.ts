import { containerOf, dockerHostOf, guestOf, nodeOf, targetOf } from '../../test/estate-fixtures';
import type { Target } from './readings/target';
import { Topology } from './topology';

const home = targetOf({
  nodes: [nodeOf({ name: 'pve1' }), nodeOf({ name: 'pve2' })],
  guests: [
    guestOf({ vmid: 101, name: 'Web' }),
    guestOf({ vmid: 102, name: 'db.example.org', node: 'pve2' }),
    guestOf({ vmid: 103, name: 'twin' }),
    guestOf({ vmid: 104, name: 'Twin', node: 'pve2' }),
    guestOf({ vmid: 105, name: 'pve2' }),
    guestOf({ vmid: 106, name: 'golden', template: true }),
    guestOf({ vmid: 107, name: 'mail.example.org' }),
    guestOf({ vmid: 108, name: 'mail.example.org', node: 'pve2' }),
    guestOf({ vmid: 109, name: 'mail' }),
  ],
});
const topology = (targets: Target[] = [home], hosts = new Map<string, string>()) =>
  new Topology({
    targets,
    hosts,
    dockerHosts: [dockerHostOf([containerOf(), containerOf({ id: 'c2', name: 'cache' })])],
  });

describe('what a machine stands on', () => {
  it.each<[string, string[]]>([
    ['web', ['home-pve1-101', 'home-pve1', 'pve:home']],
    ['WEB', ['home-pve1-101', 'home-pve1', 'pve:home']],
    ['web.example.org', ['home-pve1-101', 'home-pve1', 'pve:home']],
    ['db.example.org', ['home-pve2-102', 'home-pve2', 'pve:home']],
    ['db', []],
    ['db.other.org', []],
    ['pve1', ['home-pve1', 'pve:home']],
    ['pve1.lan', ['home-pve1', 'pve:home']],
    ['twin', []],
    ['twin.lan', []],
    ['pve2', []],
    ['golden', []],
    ['mail.example.org', []],
    ['mail', ['home-pve1-109', 'home-pve1', 'pve:home']],
    ['mail.lan', ['home-pve1-109', 'home-pve1', 'pve:home']],
    ['nobody', []],
    ['', []],
    ['.', []],
    ['constructor', []],
    ['__proto__', []],
  ])('%j: %j', (name, expected) => expect(topology().pathOf(name)).toEqual(expected));
  it('is nothing where two installations have the name', () => {
    const other = targetOf({ guests: [guestOf({ name: 'web' })] }, { name: 'away' });
    expect(topology([home, other]).pathOf('web')).toEqual([]);
    expect(topology([home, other]).pathOf('pve1')).toHaveLength(2);
  });
  it('is nothing of an installation that was not seen', () =>
    expect(topology([targetOf({})]).pathOf('web')).toEqual([]));
});

describe('what is away with something', () => {
  const named = (
    id: string,
    of = topology(
      [home],
      new Map([
        ['agent-1', 'web'],
        ['agent-2', 'pve1'],
      ]),
    ),
  ) => {
    const { affected, count } = of.below(id);
    expect(count).toBe(affected.length);
    return affected.map((one) => one.id);
  };
  it('is a guest with its agent and its containers', () =>
    expect(named('home-pve1-101')).toEqual([
      'agent-1',
      'docker:docker-1',
      'docker:docker-1/db',
      'docker:docker-1/cache',
    ]));
  it('is a node with its guests and what runs in them', () =>
    expect(named('home-pve1')).toEqual([
      'home-pve1-101',
      'home-pve1-103',
      'home-pve1-105',
      'home-pve1-107',
      'home-pve1-109',
      'agent-1',
      'agent-2',
      'docker:docker-1',
      'docker:docker-1/db',
      'docker:docker-1/cache',
    ]));
  it('is an installation with its nodes', () =>
    expect(named('pve:home')).toEqual(expect.arrayContaining(['home-pve1', 'home-pve2', 'home-pve2-102'])));
  it('is a Docker host with its containers', () =>
    expect(named('docker:docker-1')).toEqual(['docker:docker-1/db', 'docker:docker-1/cache']));
  it('is nothing of an installation or a Docker host with what has their bare names', () => {
    expect(named('home')).toEqual([]);
    expect(named('docker-1')).toEqual([]);
  });
  it('is nothing with what nobody knows', () => expect(named('nothing')).toEqual([]));
  it('is told of up to a hundred, and counted', () => {
    const many = targetOf({ guests: Array.from({ length: 150 }, (_, vmid) => guestOf({ vmid, name: `vm-${vmid}` })) });
    const { affected, count } = topology([many]).below('home-pve1');
    expect([affected.length, count]).toEqual([100, 150]);
    expect(affected[0]).toEqual({ id: 'home-pve1-0', name: 'vm-0', type: 'guest' });
  });
});
