/** Saves one of two models again and again into the folder that it is given, until it is killed. */
import { checkerboardModel } from './checkerboard-model.ts';
import { saveModel } from '../../src/use/saved-model.ts';

const [folder] = process.argv.slice(2);
const models = [await checkerboardModel(1), await checkerboardModel(2)];
process.stdout.write('saving\n');
for (let n = 0; ; n++) await saveModel(folder!, models[n % 2]!);
