import { runMain } from '@lapwing/service';
import { loadDockerAgentConfig } from './config.js';
import { collectorVersion } from './version.js';
import { DockerAgentService } from './services/docker-agent.service.js';

await runMain('collector', async () => {
  const agent = new DockerAgentService(loadDockerAgentConfig(), collectorVersion, () =>
    process.kill(process.pid, 'SIGTERM'),
  );
  agent.start();
  return agent;
});
