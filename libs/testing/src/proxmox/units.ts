/** Bytes of one MiB. */
export const MiB = 1024 ** 2;
/** Bytes of one GiB. */
export const GiB = 1024 ** 3;
/** Bytes of one TiB. */
export const TiB = 1024 ** 4;
/** Seconds of one day. */
export const day = 86_400;

/** Now, as Unix seconds. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** 02:00 UTC of the night that many nights ago, 0 being the last one that is over. Unix seconds. */
export function night(ago: number): number {
  const now = nowSeconds();
  const tonight = now - (now % day) + 2 * 3600;
  const last = tonight + 3600 > now ? tonight - day : tonight;
  return last - ago * day;
}

/** A worker's id as Proxmox writes it. @param start Unix seconds. */
export function upid(node: string, pid: number, start: number, type: string, id: string, user = 'root@pam'): string {
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');
  return `UPID:${node}:${hex(pid)}:${hex(pid * 37)}:${hex(start)}:${type}:${id}:${user}:`;
}

/** The value of Proxmox for a yes or a no. */
export const flag = (value: boolean): 0 | 1 => (value ? 1 : 0);
