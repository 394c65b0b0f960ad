#include "CArrowShim.h"
