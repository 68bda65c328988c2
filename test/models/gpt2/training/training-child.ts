/** A training run that kills itself, as a power cut would: `training-child.ts FOLDER UPDATE`. */
import { fitContext } from '../../../support/datasets.ts';
import { fineTune } from '../../../../src/models/gpt2/training/fine-tune.ts';
import { QuadraticTrainee, smallJob } from '../fake-trainee.ts';

const [folder, fatal] = process.argv.slice(2);
const trainee = new QuadraticTrainee();
trainee.before = (update) => {
  if (update === Number(fatal)) process.kill(process.pid, 'SIGKILL');
  return undefined;
};
await fineTune(trainee, smallJob(folder!), fitContext());
