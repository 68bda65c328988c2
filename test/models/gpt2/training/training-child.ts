/** A training run that kills itself, as a power cut would: `training-child.ts FOLDER UPDATE`. */
import { fitContext } from '../../../support/datasets.ts';
import { runTraining } from '../../../../src/models/gpt2/training/trainer.ts';
import { QuadraticTrainee, smallJob } from '../fake-trainee.ts';

const [folder, fatal] = process.argv.slice(2);
const trainee = new QuadraticTrainee();
trainee.before = (update) => {
  if (update === Number(fatal)) process.kill(process.pid, 'SIGKILL');
  return undefined;
};
await runTraining(trainee, smallJob(folder!), fitContext());
