"""What mlcycle lets a skops file rebuild without being asked: a list, kept here, and nothing a file can change.

The rule, by which every name below was chosen and by which new ones are:

1. *Objects* are rebuilt from their attributes without running code of the file. Listed are the estimators scikit-learn
   exports, and the helper objects their fitted state holds. Left out is whatever evaluates, imports or opens something
   while it is rebuilt or used: distributions of ``scipy.stats`` with a state of their own (they ``exec`` a text of it),
   distance metrics that call a Python function, callbacks that connect to an address, bound methods, ``operator``
   callers.
2. *Functions* only compute on what they are given: NumPy and ``scipy.special`` ufuncs (recognised by being ufuncs),
   functions of NumPy, scipy and pandas over arrays and tables, and the metrics, scores, kernels and scalers of
   scikit-learn. Left out is what opens a file (``numpy.load``), evaluates text (``pandas.eval``), calls what it is
   given (``numpy.vectorize``, ``numpy.apply_along_axis``), reads memory by strides, or makes much of little
   (``numpy.tile``).
3. *Names* stand for what scipy and pandas hold under them and are only looked up: the distributions of ``scipy.stats``
   (recognised by being some), classes of dtypes.
4. A name is trusted for one way of being rebuilt. ``sklearn.tree._tree.Tree`` may be rebuilt as a tree, but not called
   with arguments of the file. (skops writes functions of C as types; both are looked up by name.)
5. Being listed says nothing about the numbers inside; `mlcycle.codecs._bounds` looks at those.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle.errors import Corrupt, SchemaError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = [
    "DISTRIBUTIONS",
    "FUNCTIONS",
    "LOSSES",
    "OBJECTS",
    "PROTOCOLS",
    "TYPES",
    "TrustReport",
    "nodes_of",
    "report_types",
]

# Node layouts are read here as skops 0.11 and later write them. A file that asks for another protocol is refused: its
# number decides which of skops' readers runs, so an unknown one could be read differently from how it was audited.
PROTOCOLS = frozenset({2})


def _names(table: str) -> frozenset[str]:
    found: set[str] = set()
    for line in table.strip().splitlines():
        module, _, classes = line.partition(":")
        found.update(f"{module.strip()}.{name}" for name in classes.split())
    return frozenset(found)


def _pandas(table: str) -> frozenset[str]:
    """Name things of pandas by the module that defines them, and, as pandas does since 3.0, by the package."""
    found = _names(table)
    return found | {f"pandas.{name.rpartition('.')[2]}" for name in found}


OBJECTS = _names("""
scipy.interpolate._bsplines: BSpline
scipy.stats._distn_infrastructure: rv_continuous_frozen rv_discrete_frozen
sklearn._loss.link: HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit
sklearn._loss.loss: AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss HalfPoissonLoss
sklearn._loss.loss: HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss
sklearn.callback._progressbar: ProgressBar
sklearn.calibration: CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration _TemperatureScaling
sklearn.cluster._affinity_propagation: AffinityPropagation
sklearn.cluster._agglomerative: AgglomerativeClustering FeatureAgglomeration
sklearn.cluster._bicluster: SpectralBiclustering SpectralCoclustering
sklearn.cluster._bisect_k_means: BisectingKMeans _BisectingTree
sklearn.cluster._dbscan: DBSCAN
sklearn.cluster._hdbscan.hdbscan: HDBSCAN
sklearn.cluster._kmeans: KMeans MiniBatchKMeans
sklearn.cluster._mean_shift: MeanShift
sklearn.cluster._optics: OPTICS
sklearn.cluster._spectral: SpectralClustering
sklearn.compose._column_transformer: ColumnTransformer _RemainderColsList make_column_selector
sklearn.compose._target: TransformedTargetRegressor
sklearn.covariance._elliptic_envelope: EllipticEnvelope
sklearn.covariance._empirical_covariance: EmpiricalCovariance
sklearn.covariance._graph_lasso: GraphicalLasso GraphicalLassoCV
sklearn.covariance._robust_covariance: MinCovDet
sklearn.covariance._shrunk_covariance: LedoitWolf OAS ShrunkCovariance
sklearn.cross_decomposition._pls: CCA PLSCanonical PLSRegression PLSSVD
sklearn.decomposition._dict_learning: DictionaryLearning MiniBatchDictionaryLearning SparseCoder
sklearn.decomposition._factor_analysis: FactorAnalysis
sklearn.decomposition._fastica: FastICA
sklearn.decomposition._incremental_pca: IncrementalPCA
sklearn.decomposition._kernel_pca: KernelPCA
sklearn.decomposition._lda: LatentDirichletAllocation
sklearn.decomposition._nmf: MiniBatchNMF NMF
sklearn.decomposition._pca: PCA
sklearn.decomposition._sparse_pca: MiniBatchSparsePCA SparsePCA
sklearn.decomposition._truncated_svd: TruncatedSVD
sklearn.discriminant_analysis: LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis
sklearn.dummy: DummyClassifier DummyRegressor
sklearn.ensemble._bagging: BaggingClassifier BaggingRegressor
sklearn.ensemble._forest: ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier RandomForestRegressor
sklearn.ensemble._forest: RandomTreesEmbedding
sklearn.ensemble._gb: GradientBoostingClassifier GradientBoostingRegressor
sklearn.ensemble._hist_gradient_boosting.binning: _BinMapper
sklearn.ensemble._hist_gradient_boosting.gradient_boosting: HistGradientBoostingClassifier HistGradientBoostingRegressor
sklearn.ensemble._hist_gradient_boosting.predictor: TreePredictor
sklearn.ensemble._iforest: IsolationForest
sklearn.ensemble._stacking: StackingClassifier StackingRegressor
sklearn.ensemble._voting: VotingClassifier VotingRegressor
sklearn.ensemble._weight_boosting: AdaBoostClassifier AdaBoostRegressor
sklearn.feature_extraction._dict_vectorizer: DictVectorizer
sklearn.feature_extraction._hash: FeatureHasher
sklearn.feature_extraction.image: PatchExtractor
sklearn.feature_extraction.text: CountVectorizer HashingVectorizer TfidfTransformer TfidfVectorizer
sklearn.feature_selection._from_model: SelectFromModel
sklearn.feature_selection._rfe: RFE RFECV
sklearn.feature_selection._sequential: SequentialFeatureSelector
sklearn.feature_selection._univariate_selection: GenericUnivariateSelect SelectFdr SelectFpr SelectFwe SelectKBest
sklearn.feature_selection._univariate_selection: SelectPercentile
sklearn.feature_selection._variance_threshold: VarianceThreshold
sklearn.frozen._frozen: FrozenEstimator
sklearn.gaussian_process._gpc: GaussianProcessClassifier _BinaryGaussianProcessClassifierLaplace
sklearn.gaussian_process._gpr: GaussianProcessRegressor
sklearn.gaussian_process.kernels: CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern
sklearn.gaussian_process.kernels: PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel
sklearn.impute._base: MissingIndicator SimpleImputer
sklearn.impute._iterative: IterativeImputer
sklearn.impute._knn: KNNImputer
sklearn.isotonic: IsotonicRegression
sklearn.kernel_approximation: AdditiveChi2Sampler Nystroem PolynomialCountSketch RBFSampler SkewedChi2Sampler
sklearn.kernel_ridge: KernelRidge
sklearn.linear_model._base: LinearRegression
sklearn.linear_model._bayes: ARDRegression BayesianRidge
sklearn.linear_model._coordinate_descent: ElasticNet ElasticNetCV Lasso LassoCV MultiTaskElasticNet
sklearn.linear_model._coordinate_descent: MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV
sklearn.linear_model._glm.glm: GammaRegressor PoissonRegressor TweedieRegressor
sklearn.linear_model._huber: HuberRegressor
sklearn.linear_model._least_angle: Lars LarsCV LassoLars LassoLarsCV LassoLarsIC
sklearn.linear_model._logistic: LogisticRegression LogisticRegressionCV
sklearn.linear_model._omp: OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV
sklearn.linear_model._passive_aggressive: PassiveAggressiveClassifier PassiveAggressiveRegressor
sklearn.linear_model._perceptron: Perceptron
sklearn.linear_model._quantile: QuantileRegressor
sklearn.linear_model._ransac: RANSACRegressor
sklearn.linear_model._ridge: Ridge RidgeCV RidgeClassifier RidgeClassifierCV
sklearn.linear_model._stochastic_gradient: SGDClassifier SGDOneClassSVM SGDRegressor
sklearn.linear_model._theil_sen: TheilSenRegressor
sklearn.manifold._classical_mds: ClassicalMDS
sklearn.manifold._isomap: Isomap
sklearn.manifold._locally_linear: LocallyLinearEmbedding
sklearn.manifold._mds: MDS
sklearn.manifold._spectral_embedding: SpectralEmbedding
sklearn.manifold._t_sne: TSNE
sklearn.metrics._dist_metrics: BrayCurtisDistance32 BrayCurtisDistance64 CanberraDistance32 CanberraDistance64
sklearn.metrics._dist_metrics: ChebyshevDistance32 ChebyshevDistance64 DiceDistance32 DiceDistance64
sklearn.metrics._dist_metrics: EuclideanDistance32 EuclideanDistance64 HammingDistance32 HammingDistance64
sklearn.metrics._dist_metrics: HaversineDistance32 HaversineDistance64 JaccardDistance32 JaccardDistance64
sklearn.metrics._dist_metrics: MahalanobisDistance32 MahalanobisDistance64 ManhattanDistance32 ManhattanDistance64
sklearn.metrics._dist_metrics: MinkowskiDistance32 MinkowskiDistance64 RogersTanimotoDistance32 RogersTanimotoDistance64
sklearn.metrics._dist_metrics: RussellRaoDistance32 RussellRaoDistance64 SEuclideanDistance32 SEuclideanDistance64
sklearn.metrics._dist_metrics: SokalSneathDistance32 SokalSneathDistance64
sklearn.metrics._scorer: _CurveScorer _MultimetricScorer _PassthroughScorer _Scorer
sklearn.mixture._bayesian_mixture: BayesianGaussianMixture
sklearn.mixture._gaussian_mixture: GaussianMixture
sklearn.model_selection._classification_threshold: FixedThresholdClassifier TunedThresholdClassifierCV _CurveScorer
sklearn.model_selection._search: GridSearchCV RandomizedSearchCV
sklearn.model_selection._search_successive_halving: HalvingGridSearchCV HalvingRandomSearchCV
sklearn.model_selection._split: GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut
sklearn.model_selection._split: LeavePOut PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit
sklearn.model_selection._split: StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit
sklearn.model_selection._split: _CVIterableWrapper
sklearn.multiclass: OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier _ConstantPredictor
sklearn.multioutput: ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain
sklearn.naive_bayes: BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB
sklearn.neighbors._ball_tree: BallTree BallTree32 BallTree64
sklearn.neighbors._classification: KNeighborsClassifier RadiusNeighborsClassifier
sklearn.neighbors._graph: KNeighborsTransformer RadiusNeighborsTransformer
sklearn.neighbors._kd_tree: KDTree KDTree32 KDTree64
sklearn.neighbors._kde: KernelDensity
sklearn.neighbors._lof: LocalOutlierFactor
sklearn.neighbors._nca: NeighborhoodComponentsAnalysis
sklearn.neighbors._nearest_centroid: NearestCentroid
sklearn.neighbors._regression: KNeighborsRegressor RadiusNeighborsRegressor
sklearn.neighbors._unsupervised: NearestNeighbors
sklearn.neural_network._multilayer_perceptron: MLPClassifier MLPRegressor
sklearn.neural_network._rbm: BernoulliRBM
sklearn.neural_network._stochastic_optimizers: AdamOptimizer SGDOptimizer
sklearn.pipeline: FeatureUnion Pipeline
sklearn.preprocessing._data: Binarizer KernelCenterer MaxAbsScaler MinMaxScaler Normalizer PowerTransformer
sklearn.preprocessing._data: QuantileTransformer RobustScaler StandardScaler
sklearn.preprocessing._discretization: KBinsDiscretizer
sklearn.preprocessing._encoders: OneHotEncoder OrdinalEncoder
sklearn.preprocessing._function_transformer: FunctionTransformer
sklearn.preprocessing._label: LabelBinarizer LabelEncoder MultiLabelBinarizer
sklearn.preprocessing._polynomial: PolynomialFeatures SplineTransformer
sklearn.preprocessing._target_encoder: TargetEncoder
sklearn.random_projection: GaussianRandomProjection SparseRandomProjection
sklearn.semi_supervised._label_propagation: LabelPropagation LabelSpreading
sklearn.semi_supervised._self_training: SelfTrainingClassifier
sklearn.svm._classes: LinearSVC LinearSVR NuSVC NuSVR OneClassSVM SVC SVR
sklearn.tree._classes: DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor
sklearn.utils._metadata_requests: MetadataRequest MethodMetadataRequest
""")

LOSSES = _names("""
sklearn._loss._loss: CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss
sklearn._loss._loss: CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss
sklearn._loss._loss: CyPinballLoss
sklearn.linear_model._sgd_fast: EpsilonInsensitive Hinge Huber Log ModifiedHuber SquaredEpsilonInsensitive SquaredHinge
sklearn.linear_model._sgd_fast: SquaredLoss
""")

FUNCTIONS = _names("""
builtins: abs len round sum
numpy: abs all allclose amax amin angle any append argmax argmin argpartition argsort argwhere around array array_equal
numpy: array_split asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray astype atleast_1d atleast_2d
numpy: atleast_3d average broadcast_to clip column_stack compress concatenate convolve copy corrcoef correlate
numpy: count_nonzero cov cross cumprod cumsum cumulative_prod cumulative_sum delete diagonal diff digitize dot dstack
numpy: ediff1d expand_dims extract fix flatnonzero flip fliplr flipud full_like gradient hsplit hstack i0 imag inner
numpy: insert interp isclose iscomplex isin isneginf isposinf isreal matrix_transpose max mean median min moveaxis
numpy: nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod
numpy: nanquantile nanstd nansum nanvar ndim nonzero ones_like partition percentile permute_dims polyfit polyval prod
numpy: ptp quantile ravel real real_if_close reshape result_type roll rollaxis rot90 round searchsorted select shape
numpy: sinc size sort split squeeze stack std sum swapaxes take take_along_axis trace transpose trapezoid tril
numpy: trim_zeros triu unique unwrap var vsplit vstack where zeros_like
numpy.fft: fft fft2 fftshift ifft ifftshift irfft rfft rfft2
numpy.linalg: det norm slogdet
scipy._lib.array_api_compat.numpy._aliases: asarray
scipy.signal._savitzky_golay: savgol_filter
scipy.signal._signaltools: detrend
scipy.special._logsumexp: log_softmax logsumexp softmax
scipy.stats._stats_py: gzscore rankdata zscore
sklearn.feature_extraction.text: strip_accents_ascii strip_accents_unicode strip_tags
sklearn.cluster._kmeans: _kmeans_single_elkan _kmeans_single_lloyd
sklearn.feature_selection._mutual_info: mutual_info_classif mutual_info_regression
sklearn.feature_selection._univariate_selection: chi2 f_classif f_oneway f_regression r_regression
sklearn.metrics._classification: accuracy_score balanced_accuracy_score brier_score_loss cohen_kappa_score
sklearn.metrics._classification: d2_brier_score d2_log_loss_score f1_score fbeta_score hamming_loss hinge_loss
sklearn.metrics._classification: class_likelihood_ratios confusion_matrix multilabel_confusion_matrix
sklearn.metrics._classification: precision_recall_fscore_support
sklearn.metrics._classification: jaccard_score log_loss matthews_corrcoef precision_score recall_score zero_one_loss
sklearn.metrics._ranking: auc average_precision_score coverage_error dcg_score det_curve
sklearn.metrics._ranking: label_ranking_average_precision_score label_ranking_loss ndcg_score precision_recall_curve
sklearn.metrics._ranking: roc_auc_score roc_curve top_k_accuracy_score
sklearn.metrics._regression: d2_absolute_error_score d2_pinball_score d2_tweedie_score explained_variance_score
sklearn.metrics._regression: max_error mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance
sklearn.metrics._regression: mean_pinball_loss mean_poisson_deviance mean_squared_error mean_squared_log_error
sklearn.metrics._regression: mean_tweedie_deviance median_absolute_error r2_score root_mean_squared_error
sklearn.metrics._regression: root_mean_squared_log_error
sklearn.metrics._scorer: negative_likelihood_ratio positive_likelihood_ratio
sklearn.metrics.cluster._supervised: adjusted_mutual_info_score adjusted_rand_score completeness_score
sklearn.metrics.cluster._supervised: fowlkes_mallows_score homogeneity_score mutual_info_score
sklearn.metrics.cluster._supervised: normalized_mutual_info_score rand_score v_measure_score
sklearn.metrics.cluster._unsupervised: calinski_harabasz_score davies_bouldin_score silhouette_samples silhouette_score
sklearn.metrics.pairwise: additive_chi2_kernel chi2_kernel cosine_distances cosine_similarity euclidean_distances
sklearn.metrics.pairwise: haversine_distances laplacian_kernel linear_kernel manhattan_distances
sklearn.metrics.pairwise: nan_euclidean_distances polynomial_kernel rbf_kernel sigmoid_kernel
sklearn.utils.validation: check_array
sklearn.preprocessing._data: add_dummy_feature binarize maxabs_scale minmax_scale normalize power_transform
sklearn.preprocessing._data: quantile_transform robust_scale scale
sklearn.preprocessing._label: label_binarize
""") | _pandas("""
pandas.core.dtypes.missing: isna notna
pandas.core.reshape.encoding: get_dummies
pandas.core.reshape.tile: cut qcut
pandas.core.tools.datetimes: to_datetime
pandas.core.tools.numeric: to_numeric
pandas.core.tools.timedeltas: to_timedelta
""")

DISTRIBUTIONS = "scipy.stats"
# Ufuncs compute element by element, so being one is enough; skops names them by the first module that holds them.
_UFUNC_MODULES = frozenset(
    {
        "numpy",
        "numpy._core._multiarray_umath",
        "scipy.special",
        "scipy.special._basic",
        "scipy.special._special_ufuncs",
        "scipy.special._ufuncs",
    }
)

_SCALARS = _names("""
numpy: bool bool_ bytes_ clongdouble complex128 complex64 datetime64 float16 float32 float64 int16 int32 int64 int8
numpy: intc long longdouble longlong str_ timedelta64 uint16 uint32 uint64 uint8 uintc ulong ulonglong
""")

_DTYPES = _pandas("""
pandas.core.arrays.boolean: BooleanDtype
pandas.core.arrays.floating: Float32Dtype Float64Dtype
pandas.core.arrays.integer: Int16Dtype Int32Dtype Int64Dtype Int8Dtype UInt16Dtype UInt32Dtype UInt64Dtype UInt8Dtype
pandas.core.arrays.string_: StringDtype
pandas.core.dtypes.dtypes: CategoricalDtype
""")

_TABLES = _pandas("""
pandas.core.arrays.categorical: Categorical
pandas.core.dtypes.dtypes: DatetimeTZDtype IntervalDtype PeriodDtype SparseDtype
pandas.core.frame: DataFrame
pandas.core.series: Series
""")

_PLAIN = _names("""
builtins: bool bytes complex dict float frozenset int list object set str tuple
datetime: date datetime timedelta
numpy: character complexfloating dtype flexible floating generic inexact integer number object_ signedinteger
numpy: unsignedinteger void
sklearn.model_selection._split: KFold StratifiedKFold
""")

TYPES = _SCALARS | _PLAIN | _DTYPES | _TABLES

_SPARSE = _names("""
scipy.sparse._bsr: bsr_array bsr_matrix
scipy.sparse._coo: coo_array coo_matrix
scipy.sparse._csc: csc_array csc_matrix
scipy.sparse._csr: csr_array csr_matrix
scipy.sparse._dia: dia_array dia_matrix
""")

_BY_LOADER: dict[str, frozenset[str]] = {
    "BytearrayNode": frozenset({"builtins.bytearray"}),
    "BytesNode": frozenset({"builtins.bytes"}),
    "DTypeNode": frozenset({"numpy.dtype"}),
    "DictNode": frozenset({"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}),
    "FunctionNode": FUNCTIONS,
    "JsonNode": frozenset({"builtins.str"}),
    "ListNode": frozenset({"builtins.list"}),
    "LossNode": LOSSES,
    "MaskedArrayNode": frozenset({"numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"}),
    "NdArrayNode": _SCALARS | {"numpy.matrix", "numpy.ndarray"},
    "ObjectNode": OBJECTS | _DTYPES,
    "OperatorFuncNode": frozenset({"operator.itemgetter"}),
    "PartialNode": frozenset({"functools.partial"}),
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState"}),
    "SetNode": frozenset({"builtins.set"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "SparseMatrixNode": _SPARSE,
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
    "TupleNode": frozenset({"builtins.tuple", "sklearn.impute._iterative._ImputerTriplet"}),
    "TypeNode": TYPES | FUNCTIONS | {"numpy.nan"},
}
_POOL = 1024
# Only what a caller named may be rebuilt these ways.
_NEVER_OURS = frozenset({"ConstructorFromReduceNode", "DefaultDictNode", "MethodNode"})


@frozen
class TrustReport:
    """What stands in the ``schema.json`` of a skops file.

    Attributes
    ----------
    class_name : str
        The type of the object as a whole.
    untrusted : tuple of str
        Types and functions outside the list and outside what the caller vouched for, sorted.
    named : frozenset of str
        Every type and function named in the file.
    sklearn_versions : frozenset of str
        Versions of scikit-learn the estimators inside were written by.
    """

    class_name: str
    untrusted: tuple[str, ...]
    named: frozenset[str]
    sklearn_versions: frozenset[str]


def report_types(schema: Any, vouched: Collection[str] = ()) -> TrustReport:
    """Name everything a skops file would rebuild that nobody vouched for.

    The file is taken apart as plain JSON, nothing in it is imported or built. Every node anywhere in the document is
    looked at, whether or not skops would reach it.

    Parameters
    ----------
    schema : dict
        The parsed ``schema.json``.
    vouched : collection of str
        Names the caller trusts beyond the library's list, as in ``"my_package.MyTransformer"``.

    Raises
    ------
    SchemaError
        When the file is written in a protocol of skops that is not known here.
    Corrupt
        When the document is not one that skops writes.

    Examples
    --------
    >>> node = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
    >>> report_types({**node, "protocol": 2}).untrusted
    ('os.system',)
    """
    if not isinstance(schema, dict) or not isinstance(schema.get("__loader__"), str):
        raise Corrupt("schema.json of the model file describes no object")
    protocol = schema.get("protocol")
    if type(protocol) is not int or protocol not in PROTOCOLS:
        raise SchemaError(
            f"the model file is written in skops protocol {protocol!r}, and this mlcycle reads "
            f"{', '.join(map(str, sorted(PROTOCOLS)))}: upgrade mlcycle"
        )
    untrusted: set[str] = set()
    named: set[str] = set()
    versions: set[str] = set()
    for node in nodes_of(schema):
        _check_seed(node)
        for name in _names_of(node):
            named.add(name)
            if name not in vouched and not _listed(node["__loader__"], name):
                untrusted.add(name)
        version = node.get("content")
        if isinstance(version, dict) and isinstance(found := version.get("_sklearn_version"), dict):
            versions.add(str(found.get("content")).strip('"'))
    return TrustReport(_name_of(schema), tuple(sorted(untrusted)), frozenset(named), frozenset(versions))


def nodes_of(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk every dict of the document that has a loader, without recursion: depth is the file's choice."""
    todo: list[Any] = [schema]
    while todo:
        here = todo.pop()
        if isinstance(here, dict):
            if isinstance(here.get("__loader__"), str):
                yield here
            todo.extend(value for value in here.values() if isinstance(value, dict | list))
        else:
            todo.extend(value for value in here if isinstance(value, dict | list))


def _name_of(node: dict[str, Any]) -> str:
    module, name = node.get("__module__"), node.get("__class__")
    if not isinstance(module, str) or not isinstance(name, str) or not module or not name:
        raise Corrupt(f"a node of the model file names no type: {module!r:.60}, {name!r:.60}")
    return f"{module}.{name}"


def _names_of(node: dict[str, Any]) -> Iterator[str]:
    loader = node["__loader__"]
    if loader not in _BY_LOADER and loader not in _NEVER_OURS:
        raise Corrupt(
            f"the model file asks for {loader!r:.60}, which is not a way of skops to rebuild things that mlcycle knows"
        )
    name = _name_of(node)
    yield name
    if loader == "MethodNode":
        content = node.get("content")
        yield f"{name}.{content.get('func') if isinstance(content, dict) else None}"


def _check_seed(node: dict[str, Any]) -> None:
    """Refuse a seed that takes for ever to mix: the time grows with the square of its pool."""
    if node["__loader__"] == "RandomGeneratorNode":
        pool = node["content"]["seed_seq"]["content"]["pool_size"]["content"]
        if not 0 < int(pool) <= _POOL:
            raise Corrupt(f"a random generator of the model file has a seed pool of {pool!r:.40}")


def _listed(loader: str, name: str) -> bool:
    if loader in _NEVER_OURS:
        return False
    return name in _BY_LOADER[loader] or (loader in ("FunctionNode", "TypeNode") and _recognised(name))


def _recognised(name: str) -> bool:
    """Tell whether a name is that of a ufunc, or of a distribution of scipy itself."""
    import numpy as np

    module, _, attribute = name.rpartition(".")
    if module not in _UFUNC_MODULES and module != DISTRIBUTIONS:
        return False
    home = importlib.import_module(module)
    kinds = (home.rv_continuous, home.rv_discrete) if module == DISTRIBUTIONS else np.ufunc
    return isinstance(getattr(home, attribute, None), kinds)
