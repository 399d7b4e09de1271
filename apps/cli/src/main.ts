#!/usr/bin/env node
import { Command } from 'commander';

const program = new Command('lapwing').description('Speaks to a Lapwing server.');

await program.parseAsync();
