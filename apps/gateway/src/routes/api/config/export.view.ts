import { z } from 'zod';

/** An exported configuration. */
export const ExportView = z.object({
  status: z.literal('success'),
  data: z.string().describe('the encrypted configuration, base64; docs/configuration-export.md tells its form'),
});

/** What an export answers. */
export const toExportView = (data: string): z.infer<typeof ExportView> => ({ status: 'success', data });
