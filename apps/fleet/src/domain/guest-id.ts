/**
 * The one id under which notes about a guest are kept, `node:vmid`, for the ways in which clients write it: `node:vmid`, `node/vmid`,
 * `node-vmid` and `instance-node-vmid`. Of the last, the instance stays: two clusters may have nodes of one name.
 * @returns undefined for what is no id of a guest.
 */
export function guestIdOf(text: string): string | undefined {
  const [, node, vmid] = /^(.{1,200})[:/-](\d{1,9})$/.exec(text) ?? [];
  if (node === undefined || vmid === undefined || /[:/]/.test(node)) return undefined;
  return `${node}:${Number(vmid)}`;
}
