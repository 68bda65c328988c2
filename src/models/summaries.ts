/** One line about each model, for help texts; apart from the registry, whose schemas take time to load. */
export const modelSummaries = {
  popularity: 'the same list for all users: best mean rating, most ratings, or damped mean',
  mf: 'matrix factorization: implicit ALS, BPR, or biased SGD on the ratings',
  fm: 'factorization machine over users, movies and movie features',
  ease: 'EASE, the closed-form linear item-item model',
};
