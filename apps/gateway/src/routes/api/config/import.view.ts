import type { SectionCounts } from '@lapwing/contracts';
import { z } from 'zod';

/** What an import answers. */
export const ImportView = z.object({
  status: z.literal('success'),
  message: z.string(),
  sections: z.record(z.string(), z.int()).describe('how many entries each section has that was replaced'),
});

/** See {@link ImportView}. */
export function toImportView(sections: SectionCounts): z.infer<typeof ImportView> {
  const names = Object.entries(sections).map(([name, count]) => `${name} (${count})`);
  const message = `the configuration was replaced: ${names.join(', ')}; what was not in the file is as it was`;
  return { status: 'success', message, sections };
}
