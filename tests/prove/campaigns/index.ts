import type { ProveCampaign } from '../campaign.ts';
import { conformanceCampaigns } from './conformance.ts';
import { deliveryKills } from './delivery-kills.ts';
import { exclusiveNames } from './exclusive-names.ts';
import { failover } from './failover.ts';
import { busKills } from './kills.ts';
import { logConsumers } from './log-consumers.ts';
import { logImages } from './log-images.ts';
import { logKills } from './log-kills.ts';
import { logWakes } from './log-wakes.ts';
import { migration } from './migration.ts';
import { ringHeaders } from './ring-headers.ts';
import { ringKills } from './ring-kills.ts';
import { ringOrder } from './ring-order.ts';
import { ringRewriting } from './ring-rewriting.ts';
import { shmLeases } from './shm-leases.ts';
import { shmMemory } from './shm-memory.ts';
import { shmRewriting } from './shm-rewriting.ts';
import { slowConsumer } from './slow-consumer.ts';
import { slowStream } from './slow-stream.ts';
import { swarm } from './swarm.ts';
import { topologies } from './topologies.ts';

export async function allCampaigns(): Promise<ProveCampaign[]> {
  return [
    ...(await conformanceCampaigns()),
    logConsumers,
    logImages,
    logKills,
    logWakes,
    ringHeaders,
    ringKills,
    ringOrder,
    ringRewriting,
    shmLeases,
    shmMemory,
    shmRewriting,
    busKills,
    deliveryKills,
    failover,
    migration,
    slowConsumer,
    slowStream,
    swarm,
    exclusiveNames,
    topologies,
  ];
}
