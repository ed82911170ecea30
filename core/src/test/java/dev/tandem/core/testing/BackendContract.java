package dev.tandem.core.testing;

import dev.tandem.core.backend.Backend;
import org.junit.jupiter.api.Nested;

/**
 * What every backend must do, compared with {@link ReferenceBackend} on the same random inputs: every operation with
 * every element type it takes, every layout, and sizes that are awkward for lanes, tiles and chunks. A backend module
 * subclasses it:
 *
 * <pre>{@code
 * class CpuContractTest extends BackendContract {
 *   private static final Backend CPU = new CpuBackend();
 *
 *   protected Backend backend() {
 *     return CPU;
 *   }
 * }
 * }</pre>
 *
 * <p>A backend that may be absent calls {@link BackendAvailability#check} first. TF32 and BF16 are used where an operation asks for
 * them and nowhere else, and tested on backends that have them. Failures name operation, layouts, position, both numbers and the seed.
 */
public abstract class BackendContract {
  /**
   * The backend under test: the same one at every call. The contract frees its own memory and does not close the
   * backend.
   */
  protected abstract Backend backend();

  /** Whether an index out of range is an {@link IndexOutOfBoundsException}, as on every backend that can raise one. */
  protected boolean raisesIndexErrors() {
    return true;
  }

  @Nested
  class Memory extends MemoryContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class Opcodes extends OpcodeContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class PointwisePrograms extends PointwiseContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class RandomNumbers extends RandomNumbersContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class Reductions extends ReduceContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class MatrixProducts extends MatMulContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class Convolutions extends ConvolutionContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class Pooling extends PoolContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class Rows extends RowsContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }

    @Override
    boolean raisesIndexErrors() {
      return BackendContract.this.raisesIndexErrors();
    }
  }

  @Nested
  class Composites extends CompositeContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class RecurrentSequences extends RecurrentContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class Normalizations extends NormalizeContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }

  @Nested
  class Replays extends ReplayContract {
    @Override
    Backend backend() {
      return BackendContract.this.backend();
    }
  }
}
