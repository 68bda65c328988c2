/** Accuracy of predicted ratings, for models that predict stars. */

export interface RatingPrediction {
  /** Root mean squared error, in stars. */
  rmse: number;
  /** Mean absolute error, in stars. */
  mae: number;
  /** Ratings compared. */
  ratings: number;
}

/**
 * RMSE = sqrt(mean of (p - r)^2), MAE = mean of |p - r|, over ratings, not over users. Predictions are taken as they
 * are: clip them to the scale first if the model does. Throws RangeError when there is nothing to compare.
 */
export function ratingPrediction(predicted: Float32Array, actual: Float32Array): RatingPrediction {
  const ratings = actual.length;
  if (ratings === 0) throw new RangeError('a mean error over no ratings');
  let squares = 0;
  let absolutes = 0;
  for (let n = 0; n < ratings; n++) {
    const error = predicted[n]! - actual[n]!;
    squares += error * error;
    absolutes += Math.abs(error);
  }
  return { rmse: Math.sqrt(squares / ratings), mae: absolutes / ratings, ratings };
}
