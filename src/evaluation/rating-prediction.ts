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
 * are: clip them to the scale first if the model does. Both are 0 when there is nothing to compare.
 */
export function ratingPrediction(predicted: Float32Array, actual: Float32Array): RatingPrediction {
  let squares = 0;
  let absolutes = 0;
  for (let n = 0; n < actual.length; n++) {
    const error = predicted[n]! - actual[n]!;
    squares += error * error;
    absolutes += Math.abs(error);
  }
  const ratings = actual.length;
  return {
    rmse: ratings === 0 ? 0 : Math.sqrt(squares / ratings),
    mae: ratings === 0 ? 0 : absolutes / ratings,
    ratings,
  };
}
