import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** The metadata under which a route's access is kept. */
export const ACCESS = 'lapwing:access';

/** Who may use the route: the holders of this permission (`resource:action`). */
export const Requires = (permission: string): CustomDecorator => SetMetadata(ACCESS, permission);

/** Anyone may use the route, without a credential. */
export const Public = (): CustomDecorator => SetMetadata(ACCESS, 'public');
