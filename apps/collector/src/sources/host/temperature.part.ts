import { readdirSync } from 'node:fs';
import type { PartOf, PartReader } from '../source.js';
import { readNumber, readText } from './proc.js';

type Sensor = PartOf<'temperature'>['sensors'][number];

/** Files of a folder, or none where it is not there. */
function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const celsius = (file: string): number | null => {
  const thousandths = readNumber(file);
  return thousandths === undefined ? null : Math.round(thousandths / 10) / 100;
};

/** The sensors of /sys/class/hwmon; where there are none, the thermal zones. Source: Documentation/hwmon/sysfs-interface.rst. */
export function readSensors(root = '/sys/class'): Sensor[] {
  const sensors = list(`${root}/hwmon`).flatMap((chip) => {
    const folder = `${root}/hwmon/${chip}`;
    const name = readText(`${folder}/name`)?.trim() ?? chip;
    const inputs = list(folder).flatMap((file) => /^(temp\d+)_input$/.exec(file)?.[1] ?? []);
    return inputs.flatMap((input): Sensor[] => {
      const value = celsius(`${folder}/${input}_input`);
      if (value === null) return [];
      const label = readText(`${folder}/${input}_label`)?.trim() ?? `${name} ${input}`;
      return [
        { name: label, value, high: celsius(`${folder}/${input}_max`), critical: celsius(`${folder}/${input}_crit`) },
      ];
    });
  });
  return sensors.length > 0 ? sensors : readZones(root);
}

function readZones(root: string): Sensor[] {
  const zones = list(`${root}/thermal`).filter((name) => name.startsWith('thermal_zone'));
  return zones.flatMap((zone): Sensor[] => {
    const value = celsius(`${root}/thermal/${zone}/temp`);
    const name = readText(`${root}/thermal/${zone}/type`)?.trim() ?? zone;
    return value === null ? [] : [{ name, value, high: null, critical: null }];
  });
}

/** Reads temperatures. */
export class TemperatureReader implements PartReader<'temperature'> {
  readonly part = 'temperature';
  readonly everyMs = 5000;
  readonly limitMs = 2000;
  readonly empty: PartOf<'temperature'> = { sensors: [] };

  async read(): Promise<PartOf<'temperature'>> {
    return { sensors: readSensors() };
  }
}
