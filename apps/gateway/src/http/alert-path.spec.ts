import { withAlertId } from './alert-path';

describe('the path of an alert', () => {
  it.each([
    ['/api/alerts/web-1-disk-/var/lib-disk/acknowledge', '/api/alerts/web-1-disk-%2Fvar%2Flib-disk/acknowledge'],
    ['/api/alerts//mnt/clear/clear/?a=/b/', '/api/alerts/%2Fmnt%2Fclear/clear/?a=/b/'],
    ['/api/v1/alerts/a%2Fb/c/unacknowledge', '/api/v1/alerts/a%2Fb%2Fc/unacknowledge'],
    ['/api/alerts/bulk/clear', '/api/alerts/bulk/clear'],
    ['/api/alerts/clear', '/api/alerts/clear'],
    ['/api/alerts/a/clear?x=/y/acknowledge', '/api/alerts/a/clear?x=/y/acknowledge'],
    ['/api/nodes/a/b/acknowledge', '/api/nodes/a/b/acknowledge'],
    ['/x?/api/alerts/a/b/clear', '/x?/api/alerts/a/b/clear'],
  ])('%s becomes %s', (url, expected) => expect(withAlertId({ method: 'POST', url })).toBe(expected));

  it('stays as it is for whoever only reads', () =>
    expect(withAlertId({ method: 'GET', url: '/api/alerts/a/b/clear' })).toBe('/api/alerts/a/b/clear'));
});
